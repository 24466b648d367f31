"""How fast polydl is: emitted programs against hand-written ones, and polydl itself.

python -m benchmarks                                      everything (`make bench`)
python benchmarks/step_speed.py --framework torch         one framework
python benchmarks/textbook_speed.py --framework torch     loops that people copy, one framework
python benchmarks/input_speed.py --framework torch        whether input starves the step
python benchmarks/core_speed.py                           import, trace, emit
"""
