"""The start sequence of a container that serves: verify the chain, pull every file by digest, only then serve."""

from weighbridge.logs import JsonLog
from weighbridge.serving.chain import Chain, RegistryChain
from weighbridge.serving.environment import ContainerEnvironment
from weighbridge.serving.main import main
from weighbridge.serving.receipt import LoadReceipt
from weighbridge.serving.start import Outside, load, serve
from weighbridge.serving.variables import container_variables

__all__ = [
    "Chain",
    "ContainerEnvironment",
    "JsonLog",
    "LoadReceipt",
    "Outside",
    "RegistryChain",
    "container_variables",
    "load",
    "main",
    "serve",
]
