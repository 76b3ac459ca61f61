"""Result files as somebody who means harm would make them, and the harness in which they are read."""
