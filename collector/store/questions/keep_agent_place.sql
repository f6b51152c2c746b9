insert into agent_place (school_id, agent_id) values (%(school_id)s, %(agent_id)s) on conflict do nothing
