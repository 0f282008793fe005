"""Says the time, once a minute."""

import time

while True:
    print(time.strftime("%H:%M"))
    time.sleep(60)
