"""Several machines: Ray hands parts of a set to workers, and each of them does what one machine alone would do.

::

    executor   in the gate's process: splits the images, shows how far the work is, and checks what came of it
    process    keeps a process apart that speaks to Ray, so that neither Ray's end nor its words are the gate's
    driver     that process: connects to a cluster and runs jobs on it
    worker     on the machines of the cluster: an actor that works on parts with a local executor
"""
