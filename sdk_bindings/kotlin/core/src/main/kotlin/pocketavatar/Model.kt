package pocketavatar

/** What a style may be used with, and what a person is entitled to. */
public enum class Tier {
    /** For everyone. */
    FREE,

    /** For those who have Plus; who that is, the app knows. */
    PLUS,
}

/** The two kinds of number at a component's boundary. */
public enum class ElementType {
    /** 32-bit IEEE float. */
    FLOAT32,

    /** 32-bit signed integer. */
    INT32,
}

/** One named tensor at a component's boundary. */
public class TensorSpec(
    /** The name that every runtime uses for it. */
    public val name: String,
    /** Static, batch included. */
    public val shape: List<Int>,
    /** What it is made of. */
    public val type: ElementType = ElementType.FLOAT32,
) {
    /** How many elements it has. */
    public val count: Int get() = shape.fold(1, Int::times)

    override fun toString(): String = "$name $type ${shape.joinToString("×")}"
}

/** One exported network. */
public class Component(
    /** `identity_encoder`, `denoiser` or `decoder`. */
    public val name: String,
    /** Its model's path in the artifact. */
    public val file: String,
    /** What it takes, in order. */
    public val inputs: List<TensorSpec>,
    /** What it gives, in order. */
    public val outputs: List<TensorSpec>,
) {
    internal fun input(name: String): TensorSpec = inputs.first { it.name == name }
}

/** The sampling loop's constants for one number of steps; [sigmas] has one more entry. */
internal class SamplerTable(
    val prediction: String,
    val guidance: Float,
    val timesteps: List<Float>,
    val sigmas: List<Float>,
) {
    val steps: Int get() = timesteps.size
}

/** One file of the artifact: path with `/`, size in bytes, SHA-256 in hex. */
internal class ModelFile(
    val path: String,
    val bytes: Long,
    val sha256: String,
)

/** What the generated file says of the artifact. */
internal class Manifest(
    val schemaVersion: Int,
    val components: List<Component>,
    val sampler: SamplerTable,
    val also: List<SamplerTable>,
    val rules: List<Limits>,
    val files: List<ModelFile>,
) {
    val encoder: Component get() = component("identity_encoder")
    val denoiser: Component get() = component("denoiser")
    val decoder: Component get() = component("decoder")

    /** Selfies a run can take, (places, 3, size, size). */
    val selfies: TensorSpec get() = encoder.input("selfies")

    fun component(name: String): Component = components.first { it.name == name }

    /** The constants for [steps] steps, or the model's own where that is null. */
    fun table(steps: Int?): SamplerTable {
        val tables = listOf(sampler) + also
        return if (steps == null) {
            sampler
        } else {
            tables.find { it.steps == steps }
                ?: throw AvatarException.StepsUnknown(steps, tables.map { it.steps }.sorted())
        }
    }

    companion object {
        /** The schema that this library reads. */
        const val SCHEMA_VERSION: Int = 1

        /** The model card, which says what checkpoint and software the files are from. */
        const val CARD: String = "README.md"
    }
}
