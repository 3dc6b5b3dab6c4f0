// Qstrs that are no identifiers.
Q(.frozen/.kernel)
Q(/rom)
Q(main.mpy)
