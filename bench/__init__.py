"""The harness: plans, encodes, decodes in fresh processes, measures, stores."""
