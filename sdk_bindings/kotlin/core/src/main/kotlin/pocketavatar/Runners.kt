package pocketavatar

import java.util.concurrent.locks.ReentrantLock

/** Loads components when they are first needed, and releases them when memory is short or the policy says so. */
internal class Runners(
    private val manifest: Manifest,
    private val backend: Backend,
    private val artifact: Artifact,
    private val policy: MemoryPolicy,
) : AutoCloseable {
    private val lock = ReentrantLock()
    private val loaded = HashMap<String, Runner>()

    @Volatile private var dropRequested = false

    @Volatile private var closed = false

    /** Runs a component. It loads the component if necessary. Only one call runs at a time. */
    fun run(component: String, inputs: Map<String, Tensor>, outputs: Map<String, Tensor>) {
        locked(component) { runner(component).run(inputs, outputs) }
    }

    /** Releases all runners, now or when the current call ends. It never waits for that call. */
    fun drop() {
        dropRequested = true
        dropIfRequested()
    }

    /** Releases all runners at the end of a call, if the policy is to hold one at a time. */
    fun dropIfOneAtATime() {
        if (policy == MemoryPolicy.ONE_AT_A_TIME) drop()
    }

    fun checkOpen() {
        if (closed) throw AvatarException.Closed()
    }

    override fun close() {
        closed = true
        drop()
    }

    private fun runner(name: String): Runner =
        loaded.getOrPut(name) {
            if (policy == MemoryPolicy.ONE_AT_A_TIME) closeAll()
            val component = manifest.component(name)
            backend.load(component, reader(component.path))
        }

    private fun reader(path: String) =
        object : ModelReader {
            override fun read() = artifact.read(path)

            override fun file() = artifact.file(path)
        }

    /** Releases all runners. The caller holds the lock. */
    private fun closeAll() {
        loaded.values.forEach(Runner::close)
        loaded.clear()
    }

    private inline fun locked(component: String, work: () -> Unit) {
        lock.lock()
        try {
            checkOpen()
            guarded(component, work)
        } finally {
            lock.unlock()
            dropIfRequested()
        }
    }

    private inline fun guarded(component: String, work: () -> Unit) {
        try {
            work()
        } catch (error: AvatarException) {
            throw error
        } catch (error: OutOfMemoryError) {
            throw AvatarException.OutOfMemory("running $component", error)
        } catch (
            @Suppress("TooGenericExceptionCaught") error: Exception,
        ) {
            throw AvatarException.RuntimeFailed(component, error.message ?: error.toString(), error)
        }
    }

    /**
     * Releases all runners if it was requested and no call is running.
     *
     * A thread that holds the lock calls this again after it releases the lock, so no request is lost.
     * A backend can request it from within its own call. That thread holds the lock, so the runner
     * that is running is not closed.
     */
    private fun dropIfRequested() {
        while (dropRequested && !lock.isHeldByCurrentThread && lock.tryLock()) {
            try {
                dropRequested = false
                closeAll()
            } finally {
                lock.unlock()
            }
        }
    }
}
