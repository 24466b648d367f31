"""How fast polydl is: emitted programs against hand-written ones, and polydl itself.

python -m benchmarks                                      everything (`make bench`)
python benchmarks/step_speed.py --framework torch         one framework
python benchmarks/core_speed.py                           import, trace, emit
"""
