import blinker
import itsdangerous

print(blinker.__name__, itsdangerous.__name__)
