"""What several tasks share: reading data files, documents with distractors, lengths, prose and invented names."""
