"""The decoder networks, dense and block-sparse, and what a trained set holds."""
