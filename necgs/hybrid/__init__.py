"""Each shape of a set as mesh or as volume: forecast, choice, container. The codec is `necgs.hybrid_codec`."""
