"""The text protocol: observations, actions, and what happens between an observation and the memory."""
