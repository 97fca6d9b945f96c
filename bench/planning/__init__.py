"""What a run has to do: profiles, codec specs, jobs, prepared references."""
