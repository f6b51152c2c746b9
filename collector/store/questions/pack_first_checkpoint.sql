-- The first checkpoint that covers an entry: what was printed once with it stays as it is.
select log, size, root, at, note, stamp from checkpoint
where log = %(log)s and size > %(index)s
order by size
limit 1
