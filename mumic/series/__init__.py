"""Several trainings that differ in some settings, measured side by side: ablations, prompts."""
