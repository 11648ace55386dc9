"""A model and its file."""

from retrain.models.fitted import FittedModel

__all__ = ["FittedModel"]
