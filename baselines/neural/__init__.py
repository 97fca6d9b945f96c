"""Neural codecs other than NeCGS."""
