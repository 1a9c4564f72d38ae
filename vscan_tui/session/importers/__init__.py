"""What other programs and people wrote, read: nothing of it is trusted.

Every reader is pure: text in, what it says and what is wrong with it out.
"""
