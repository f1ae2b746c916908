"""X-rays: spectra of a lamella, and elements from spectra."""
