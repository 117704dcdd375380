"""A BERT sentence encoder in numpy: what the example containers train and serve, without torch."""

from containers.encoder.classifier import Prediction, SentenceClassifier, save_classifier
from containers.encoder.encoder import SentenceEncoder

__all__ = ["Prediction", "SentenceClassifier", "SentenceEncoder", "save_classifier"]
