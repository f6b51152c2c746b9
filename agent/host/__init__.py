"""What the operating system can tell. Each room asks the system; decoding what it said is pure."""
