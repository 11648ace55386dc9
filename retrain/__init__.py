"""The retrain job: recipes, model files, the pipeline and the rollout."""
