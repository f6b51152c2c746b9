select unit, rings from boundary order by unit
