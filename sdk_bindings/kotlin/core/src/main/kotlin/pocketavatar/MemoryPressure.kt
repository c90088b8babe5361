package pocketavatar

/** Reports the system's warnings that memory is short. */
public fun interface MemoryPressure {
    /**
     * Calls [onPressure] at each warning, on any thread.
     *
     * @return Closing it ends the calls.
     */
    public fun watch(onPressure: () -> Unit): AutoCloseable
}
