package pocketavatar

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.withContext
import java.io.File
import kotlin.random.Random

/**
 * Selfies in, avatars out, on this device.
 *
 * ```
 * AvatarStudio.open(directory).use { studio ->
 *     val refusals = studio.check(selfies)
 *     studio.avatars(selfies, Style.LORELEI, count = 4, seed = 7u).collect { event ->
 *         when (event) {
 *             is AvatarEvent.Progress -> show(event.step, event.steps)
 *             is AvatarEvent.Drawn -> show(event.avatar)
 *             is AvatarEvent.Finished -> done()
 *         }
 *     }
 * }
 * ```
 *
 * It opens no connection, writes no file and no log, and keeps nothing of a selfie after a call: all
 * its memory for one is made 0, also when the call fails or is cancelled. It may be used from any
 * thread, and by several at once: networks then take turns.
 */
public class AvatarStudio internal constructor(
    private val manifest: Manifest,
    private val options: StudioOptions,
    artifact: Artifact,
) : AutoCloseable {
    private val models = Models(manifest, options.backend, artifact)
    private val watch = options.memoryPressure?.watch(::dropModels)

    /** The numbers of steps that the model was made for, its own first. */
    public val steps: List<Int> = (listOf(manifest.sampler) + manifest.also).map { it.steps }

    /** How many selfies a run can take at most. */
    public val maxSelfies: Int = manifest.selfies.shape.first()

    /**
     * Loads every network and runs each once on zeros, so that the first avatar is not late.
     *
     * @throws AvatarException of the model, of memory, of the runtime or [AvatarException.Closed].
     */
    public suspend fun prepare(): Unit =
        withContext(options.dispatcher) {
            inMemory("loading the model") { buffers ->
                for (component in manifest.components) Call(component, models, buffers).run()
            }
        }

    /**
     * Every rule that [selfies] break, in the order of selfies, then of rules; empty where they can
     * be used. No network runs.
     *
     * @throws AvatarException.UnreadablePicture a selfie cannot be decoded.
     * @throws AvatarException.RuntimeFailed the face detector did.
     * @throws AvatarException.OutOfMemory a picture was too much.
     * @throws AvatarException.Closed the studio is.
     */
    public suspend fun check(selfies: List<Selfie>): List<Refusal> =
        withContext(options.dispatcher) {
            inMemory("reading selfies") { buffers ->
                val places = buffers.floats(manifest.selfies.count)
                Intake(manifest, options.faces, buffers).read(selfies, places, buffers.floats(maxSelfies))
            }
        }

    /**
     * Draws [count] avatars of the person in [selfies].
     *
     * Nothing is done before the flow is collected; each collection is a run of its own. Cancel the
     * collecting coroutine to stop: at the latest after the network call that is under way.
     *
     * @param selfies 1 to [maxSelfies], all of one person.
     * @param style of these avatars.
     * @param count how many, at least 1.
     * @param seed of the first; avatar k has `seed + k`, past 2^64 − 1 from 0. The low 32 bits count.
     * @param steps one of [AvatarStudio.steps], or null for the model's own number.
     * @param entitlement what this person has: [Tier.PLUS] opens the Plus styles.
     * @return [AvatarEvent.Progress] and [AvatarEvent.Drawn], at the end one
     *   [AvatarEvent.Finished]. It may fail with every [AvatarException].
     */
    public fun avatars(
        selfies: List<Selfie>,
        style: Style,
        count: Int = 1,
        seed: ULong = Random.nextLong().toULong(),
        steps: Int? = null,
        entitlement: Tier = Tier.FREE,
    ): Flow<AvatarEvent> =
        flow {
            val start = System.nanoTime()
            if (count < 1) throw AvatarException.CountInvalid(count)
            if (style.tier == Tier.PLUS && entitlement != Tier.PLUS) throw AvatarException.StyleNeedsPlus(style)
            val table = manifest.table(steps)
            inMemory("drawing") { buffers ->
                val run = Run(manifest, models, table, buffers)
                val refusals = Intake(manifest, options.faces, buffers).read(selfies, run.selfies, run.mask)
                if (refusals.isNotEmpty()) throw AvatarException.SelfiesRefused(refusals)
                run.draw(style, count, seed, ::emit)
                emit(run.finished(count, start))
            }
        }.flowOn(options.dispatcher)

    /**
     * Frees the networks, at the latest when the call that is under way is over. The next call loads
     * them again. A studio does this itself where [StudioOptions.memoryPressure] is given.
     */
    public fun dropModels(): Unit = models.drop()

    /** Frees everything; a run that goes on ends with [AvatarException.Closed]. */
    override fun close() {
        watch?.close()
        models.close()
    }

    /**
     * Does [work] with memory that is 0 when it is over, however it ends. Where memory runs out, in
     * this library or in a backend's native code, the models make room for another try.
     */
    private inline fun <T> inMemory(doing: String, work: (Buffers) -> T): T {
        models.checkOpen()
        try {
            return Buffers(options.allocator).use { work(it) }
        } catch (error: OutOfMemoryError) {
            models.drop()
            throw AvatarException.OutOfMemory(doing, error)
        } catch (error: AvatarException.OutOfMemory) {
            models.drop()
            throw error
        }
    }

    public companion object {
        /**
         * Opens the artifact in [directory], after checking the size and SHA-256 of every file
         * against what was published with this library. Networks are loaded later.
         *
         * @throws AvatarException.ModelMissing a file is missing.
         * @throws AvatarException.ModelDamaged a file was cut short or altered.
         * @throws AvatarException.ModelOfAnotherVersion it is another artifact.
         */
        public suspend fun open(directory: File, options: StudioOptions = StudioOptions()): AvatarStudio =
            open(DirectorySource(directory), options)

        /** Opens an artifact that lies somewhere else; as the other `open`. */
        public suspend fun open(source: ModelSource, options: StudioOptions = StudioOptions()): AvatarStudio =
            open(Bundled.manifest, source, options)

        /** A studio that reads no artifact, for a [backend] that needs none: for tests and previews. */
        public fun withoutModel(
            backend: Backend = FakeBackend(),
            options: StudioOptions = StudioOptions(),
        ): AvatarStudio {
            val nothing = ModelSource { throw java.io.FileNotFoundException(it) }
            val artifact = Artifact(Bundled.manifest, nothing)
            return AvatarStudio(Bundled.manifest, options.copy(backend = backend), artifact)
        }

        internal suspend fun open(manifest: Manifest, source: ModelSource, options: StudioOptions): AvatarStudio {
            val artifact = Artifact(manifest, source)
            withContext(Dispatchers.IO) { artifact.verify() }
            return AvatarStudio(manifest, options, artifact)
        }
    }
}
