package sandbox

// OnOldKernel makes n work as on kernels before 5.12.
func OnOldKernel(n Namespaces) Namespaces {
	n.remount = true
	return n
}
