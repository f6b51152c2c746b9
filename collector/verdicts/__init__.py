"""Did a line give what its contract promised? From signed tests to a verdict that anybody can draw again; pure."""
