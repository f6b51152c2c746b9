-- Verdicts are read through policies; they are made and kept by the owner's job alone. Whoever stores what they rest on
-- notes that they have to be made again.
grant select on verdict, verdict_month, rule_text, agent_key to {query};
grant select, insert on dirty_verdict to {ingest};
grant update (marked_at, due_at) on dirty_verdict to {ingest};

drop policy if exists taker on dirty_verdict;
create policy taker on dirty_verdict to {ingest} using (true) with check (true);
