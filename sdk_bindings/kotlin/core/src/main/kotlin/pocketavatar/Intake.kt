package pocketavatar

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import java.nio.FloatBuffer

/** Selfies to tensors, refused or not. */
internal class Intake(
    private val manifest: Manifest,
    private val faces: FaceDetector?,
    private val buffers: Buffers,
) {
    private val size = manifest.selfies.shape.last()
    private val rules = SelfieRules(manifest.rules)
    private val preparation = Preparation(size, buffers)

    /**
     * Prepares each selfie into [places], (n,3,size,size), sets its [mask] to 1, and says which
     * rules are broken. A wrong number of selfies stands alone: then none is opened.
     */
    suspend fun read(selfies: List<Selfie>, places: FloatBuffer, mask: FloatBuffer): List<Refusal> {
        val wrongCount = rules.ofCount(selfies.size)
        if (wrongCount.isNotEmpty()) return wrongCount
        val prepared = selfies.indices.map { places.part(it * 3 * size * size, 3 * size * size) }
        return selfies.flatMapIndexed { index, selfie ->
            currentCoroutineContext().ensureActive()
            val measures = readOne(index, selfie, prepared[index]) + measuresOf(prepared[index], size, buffers)
            mask.put(index, 1f)
            rules.ofSelfie(index, measures, prepared[index], prepared.take(index))
        }
    }

    private fun readOne(index: Int, selfie: Selfie, place: FloatBuffer): Map<Rule, Double> =
        try {
            typed(wrong = { error -> AvatarException.UnreadablePicture(index, whyOf(error), error) }) {
                selfie.open().use { picture ->
                    Picture.checkSize(picture.width, picture.height)
                    preparation.prepare(picture, place)
                    measuresOf(picture, facesIn(picture))
                }
            }
        } catch (error: OutOfMemoryError) {
            throw AvatarException.OutOfMemory("reading selfie $index", error)
        }

    private fun facesIn(picture: Picture): List<Face>? =
        typed(wrong = { error -> AvatarException.RuntimeFailed("face detector", whyOf(error), error) }) {
            faces?.faces(picture)
        }
}

/**
 * Runs an app's own code, decoder or detector, which may throw anything: that becomes what [wrong]
 * makes of it. Cancellation and the library's own errors stay what they are.
 */
private inline fun <T> typed(wrong: (Exception) -> AvatarException, work: () -> T): T =
    try {
        work()
    } catch (error: CancellationException) {
        throw error
    } catch (error: AvatarException) {
        throw error
    } catch (
        @Suppress("TooGenericExceptionCaught") error: Exception,
    ) {
        throw wrong(error)
    }

private fun whyOf(error: Exception): String = error.message ?: error.toString()
