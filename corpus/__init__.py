"""The corpus of marked sentences and reports, and the tools that read and check it."""
