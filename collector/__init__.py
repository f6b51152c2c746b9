"""The netready collector: stores signed reports, judges and ranks schools. Of the agent it knows only the contract."""
