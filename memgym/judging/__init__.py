"""A language model as the judge of answers: its prompts, its verdicts on disk, and how far it can be trusted."""
