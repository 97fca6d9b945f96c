"""Training decoder and latents: losses, loops, rate model, checkpoints, new shapes for a finished set."""
