"""Understudy beside other Python model servers: same models, same cores, same requests.

`python -m benchmarks.peers --help`.
"""
