"""Non-LLM policies, one file each. They act on the observation text only and need no torch."""
