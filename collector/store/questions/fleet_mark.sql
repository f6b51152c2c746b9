select looked_to, judged_at from fleet_mark
