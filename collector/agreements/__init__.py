"""What operators promised, what does not count, and what they dispute: taken in, checked, kept with who said it."""
