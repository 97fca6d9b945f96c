"""The part of the page that one turns in one's hands: its data, its scripts and its styles."""
