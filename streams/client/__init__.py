"""For subscribers: reading the topics with kafka-python, committed records only, without Faust."""
