"""Another app of the workspace, with packages that the first one has not."""

import tabulate

print(tabulate.tabulate([["worker", 1]]))
