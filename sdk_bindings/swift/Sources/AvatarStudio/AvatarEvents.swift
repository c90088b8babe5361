/// The events of one run, to be iterated once.
///
/// It ends after `finished` or throws an `AvatarError`. A cancelled task gets
/// `AvatarError.cancelled`, never a silent end, and only after the run has stopped and its memory
/// is zeroed.
public struct AvatarEvents: AsyncSequence, Sendable {
  /// What is iterated over.
  public typealias Element = AvatarEvent

  private let stream: AsyncThrowingStream<AvatarEvent, any Error>
  private let task: Task<Void, Never>

  typealias Send = @Sendable (AvatarEvent) -> Void

  /// Starts a run that sends its events; the last one is held back until the run has returned.
  init(_ run: @escaping @Sendable (Send) async throws(AvatarError) -> AvatarSummary) {
    let (stream, continuation) = AsyncThrowingStream.makeStream(of: AvatarEvent.self)
    let task = Task {
      do throws(AvatarError) {
        let summary = try await run { continuation.yield($0) }
        continuation.yield(.finished(summary))
        continuation.finish()
      } catch {
        continuation.finish(throwing: error)
      }
    }
    continuation.onTermination = { reason in
      if case .cancelled = reason { task.cancel() }
    }
    self.stream = stream
    self.task = task
  }

  /// Iterates over the events.
  public func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(events: stream.makeAsyncIterator(), task: task)
  }

  /// Gives one event after another.
  public struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate var events: AsyncThrowingStream<AvatarEvent, any Error>.AsyncIterator
    fileprivate let task: Task<Void, Never>
    private var isOver = false

    fileprivate init(
      events: AsyncThrowingStream<AvatarEvent, any Error>.AsyncIterator, task: Task<Void, Never>
    ) {
      self.events = events
      self.task = task
    }

    /// The next event; nil after the last. Throws an `AvatarError`.
    public mutating func next() async throws -> AvatarEvent? {
      if isOver { return nil }
      let event = try await nextOrError()
      if case .finished = event { isOver = true }
      return event
    }

    private mutating func nextOrError() async throws -> AvatarEvent {
      do {
        if let event = try await events.next() { return event }
      } catch {
        isOver = true
        throw error
      }
      // A cancelled task sees the stream end without a word.
      isOver = true
      await task.value
      throw AvatarError.cancelled
    }
  }
}
