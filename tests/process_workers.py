"""Which worker functions do the tests of processes run? Good ones, and such as end in every bad way."""

WORKERS = """
    import asyncio, contextlib, ctypes, logging, multiprocessing, os, signal, subprocess, sys, threading, time
    from pathlib import Path
    import anyio
    from jobs import Job, JobFailed, worker

    def descriptors() -> list[str]:
        found = []
        for path in list(Path("/proc/self/fd").iterdir()):
            with contextlib.suppress(OSError):  # that of the folder itself
                found.append(os.readlink(path))
        return sorted(found)

    @worker("spawn")
    async def spawn(step: Job, how: str, count: int = 1, seconds: float = 0) -> None:
        for number in range(count):
            step.spawn(globals()[how], **({"seconds": seconds} if seconds else {}))
        step.spawn(bystander)

    async def bystander(job: Job) -> str:
        await anyio.sleep(0.05)
        return "goes on"

    # -- good ones

    @worker(process=True)
    def own_pid(job: Job) -> dict:
        return {"pid": os.getpid(), "parent": os.getppid(), "group": os.getpgid(0), "session": os.getsid(0),
                "oom": int(Path("/proc/self/oom_score_adj").read_text())}

    @worker(process=True)
    def sees(job: Job) -> dict:
        for _ in job.track(range(3)):
            pass
        return {
            "manager_id": job.manager_id, "id": job.id, "step_name": job.step_name, "name": job.name,
            "attempt": job.attempt, "params": dict(job.params), "file": job.definition_path.name,
            "module": __name__, "is_file": job.definition_path.is_file(), "in": os.read(0, 1).decode(),
        }

    @worker("whole_step", process=True)
    async def whole_step(step: Job, numbers: list[int], secret: str = "") -> None:
        handles = [step.spawn(double, number) for number in numbers]
        step.log.info("sum %d", sum([await handle for handle in handles]))
        try:
            await step.spawn(raises, secret)
        except JobFailed as error:
            step.log.warning("caught %s", error)

    @worker(process=True)
    async def double(job: Job, number: int) -> int:
        if number > 100:
            return await job.spawn(double, number - 100)
        return 2 * number

    @worker(process=True)
    def awaits_in_its_own_loop(job: Job) -> list:
        async def both() -> list:
            return await asyncio.gather(job.spawn(double, 1), job.spawn(double, 102))
        return asyncio.run(both())

    @worker(process=True)
    def raises(job: Job, secret: str = "") -> None:
        job.save({"source_type": "t", "source_id": "1", "title": secret})
        job.log.info("line %s", secret, data={"key": secret})
        raise ValueError(f"no {secret}")

    @worker(process=True)
    def documents(job: Job) -> list:
        identity = ""
        for number in range(3):
            identity = job.save({"source_type": "t", "source_id": str(number), "title": f"No {number}",
                                 "tags": ["odd"] if number % 2 else [], "text": "x" * 300_000})
        try:
            job.document("nosuch")
        except KeyError as error:
            job.log.info("no %s", error)
        found = job.documents(source_type="t", tags=["odd"])
        return [[one["title"], len(one["text"])] for one in found] + [job.document(identity)["title"]]

    @worker(process=True)
    def from_everywhere(job: Job) -> None:
        job.log.debug("first", data={"set": {1}})
        logging.getLogger("library").warning("of a library")
        thread = threading.Thread(target=logging.info, args=["of a thread"])
        thread.start()
        thread.join()
        libc = ctypes.CDLL(None)
        start = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
        function = start(lambda nothing: logging.info("of a thread of C"))
        identity = ctypes.c_ulong()
        libc.pthread_create(ctypes.byref(identity), None, function, None)
        libc.pthread_join(identity, None)
        job.log.info("\\ud800 %s", "x" * 20_000)

    @worker(process=True)
    def waits_for_file(job: Job) -> None:
        job.log.info("live")
        while not (job.definition_path.parent / "go").exists():
            time.sleep(0.01)

    @worker(process=True)
    def floods(job: Job) -> None:
        for number in range(20_000):
            job.log.info("line %d", number)
        os._exit(3)

    @worker(process=True)
    def own_descriptors(job: Job) -> list:
        return descriptors()

    @worker(process=True)
    def forks(job: Job) -> list:
        global kept
        kept = job
        with multiprocessing.get_context("fork").Pool(2) as pool:
            return pool.map(in_pool, range(4))

    def in_pool(number: int) -> list:
        logging.warning("in the pool")
        try:
            kept.log.info("also in the pool")
        except RuntimeError as error:
            print(error, file=sys.stderr, flush=True)
        return [number, sum("socket:" in name for name in descriptors())]

    # -- bad ones

    @worker(process=True)
    def exits_hard(job: Job) -> None:
        job.log.info("just before")
        os._exit(3)

    @worker(process=True)
    def exits(job: Job) -> None:
        job.log.info("just before")
        sys.exit(4)

    @worker(process=True)
    def crashes(job: Job) -> None:
        job.log.info("just before")
        ctypes.string_at(0)

    @worker(process=True)
    async def crashes_async(job: Job) -> None:
        job.log.info("just before")
        ctypes.string_at(0)

    @worker(process=True)
    def kills_itself(job: Job) -> None:
        job.log.info("just before")
        os.kill(os.getpid(), signal.SIGKILL)

    @worker(process=True)
    def terminates_itself(job: Job) -> None:
        job.log.info("just before")
        os.kill(os.getpid(), signal.SIGTERM)

    @worker(process=True, memory_mib=256)
    def takes_memory(job: Job) -> int:
        job.log.info("just before")
        kept = []
        for size in (1_000_000, 5_000, 1_000, 500, 100):
            with contextlib.suppress(MemoryError):
                while True:
                    kept.append(bytes(size))
        kept.append(bytes(1_000_000))

    @worker(process=True, timeout=0.3)
    def too_slow(job: Job) -> None:
        job.log.info("just before")
        while True:
            pass

    @worker(process=True, timeout=0.3)
    async def too_slow_async(job: Job) -> None:
        try:
            await anyio.sleep(600)
        finally:
            job.log.info("just before")

    @worker(timeout=0.3)
    async def too_slow_on_the_loop(job: Job) -> None:
        try:
            await anyio.sleep(600)
        finally:
            job.log.info("just before")

    @worker(timeout=0.3)
    def too_slow_in_a_thread(job: Job) -> None:
        job.log.info("just before")
        time.sleep(1)
        job.log.info("too late")

    @worker(timeout=60)
    def quick_enough(job: Job) -> int:
        return 1

    @worker(process=True)
    def no_json(job: Job) -> set:
        job.log.info("just before")
        return {1}

    @worker(process=True)
    def garbles(job: Job) -> None:
        job.log.info("just before")
        job._host._connection._socket.sendall(b"garbage" + bytes([10]))
        time.sleep(600)

    @worker(process=True)
    def writes_no_level(job: Job) -> None:
        job.log.info("just before")
        job._host._connection.send("line", 'info"', "x", None)
        time.sleep(600)

    @worker(process=True)
    def endless(job: Job, seconds: float = 0) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen(["sleep", "600"])
        job.log.info("pids", data=[os.getpid(), child.pid, os.getppid()])
        while True:
            pass

    @worker(process=True)
    def leaves_a_grandchild(job: Job) -> None:
        child = subprocess.Popen(["sleep", "600"])
        job.log.info("pids", data=[child.pid])

    @worker(process=True)
    def polite(job: Job) -> None:
        job.log.info("pids", data=[os.getpid()])
        try:
            time.sleep(600)
        finally:
            job.log.info("said goodbye")

    # -- a plain fork of the service

    def forks_the_service(job: Job) -> None:
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=[600], daemon=True)
        child.start()
        job.log.info("pids", data=[child.pid])
        time.sleep(600)
"""
JOB = """
    [params]
    how = ""
    count = 1
    [step.only]
    type = "spawn"
    how = "{params.how}"
    count = "{params.count}"
"""
