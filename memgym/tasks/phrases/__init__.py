"""Words and phrase templates of the procedural tasks, kept apart from the code that draws from them."""
