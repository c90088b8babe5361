package pocketavatar

/** What a run tells while it goes on. */
public sealed interface AvatarEvent {
    /** One sampling step is done. */
    public class Progress(
        /** Which avatar, from 0. */
        public val avatar: Int,
        /** Steps of this avatar that are done, from 1. */
        public val step: Int,
        /** Steps of each avatar. */
        public val steps: Int,
    ) : AvatarEvent {
        override fun toString(): String = "Progress(avatar=$avatar, step=$step, steps=$steps)"
    }

    /** One avatar is finished. */
    public class Drawn(
        /** The avatar; it is the app's from here on. */
        public val avatar: Avatar,
    ) : AvatarEvent {
        override fun toString(): String = "Drawn(avatar=${avatar.index})"
    }

    /** The run is over; the last event. */
    public class Finished(
        /** How many avatars were drawn. */
        public val count: Int,
        /**
         * The most memory that this process ever held at once (resident set), in bytes; null where
         * the system does not tell.
         */
        public val peakMemoryBytes: Long?,
        /** Mean duration of one sampling step, in seconds. */
        public val secondsPerStep: Double,
        /** From the start of the run to its end, in seconds; time in the app's collector included. */
        public val totalSeconds: Double,
    ) : AvatarEvent {
        override fun toString(): String =
            "Finished(count=$count, peakMemoryBytes=$peakMemoryBytes, " +
                "secondsPerStep=$secondsPerStep, totalSeconds=$totalSeconds)"
    }
}
