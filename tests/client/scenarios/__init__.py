"""What the vendor's own tests hold of an SDK and its server, by their numbers in the list of scenarios.

This client runs them, against a server that listens, in each version that it speaks. Numbers that say the
same are one test.
"""
