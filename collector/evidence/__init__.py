"""What makes evidence evidence: a log that only grows, who signed what, and proofs that anybody can check; pure."""
