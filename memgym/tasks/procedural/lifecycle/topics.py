"""What the ``lifecycle`` task talks about, and in which words facts are told, changed, imagined and asked for."""

from __future__ import annotations

from dataclasses import dataclass

from memgym.tasks.procedural.persona import pools


@dataclass(frozen=True, slots=True, eq=False)
class Topic:
    """Something that holds of a person, with one value at a time. There is one of each, so it equals itself only.

    Templates are those of :mod:`memgym.tasks.procedural.persona.phrases`; ``{v}`` is the value, with its article if it
    has one, ``{av}`` the value with an article, ``{d}`` a day.

    Args:
        noun: as facts and dialogue call it, after a possessive.
        pool: the values; empty if the value is a person.
        cues: words of which each telling has one.
        state: tell it.
        update: tell that it has changed.
        loan: tell what holds in its place up to a day; empty if nothing can without a doubt.
        plan: tell what it may become.
        dream: imagine another value.
        ask: questions after it.
        follow: how the assistant and the user go on about it, whoever it is told of.
        article: whether values have one.
    """

    noun: str
    pool: tuple[str, ...]
    cues: tuple[str, ...]
    state: tuple[str, ...]
    update: tuple[str, ...]
    loan: tuple[str, ...]
    plan: tuple[str, ...]
    dream: tuple[str, ...]
    ask: tuple[str, ...]
    follow: tuple[tuple[str, str], ...]
    article: bool = False


TOPICS = (
    Topic(
        noun="home town",
        pool=pools.CITIES,
        cues=("home", "town", "live", "rent", "flat", "address", "moved", "settled", "sleep", "staying"),
        state=(
            "{S} live{s} in {v}.",
            "{S} rent{s} a flat in {v}.",
            "{P} home is in {v}.",
            "The address on {P} letters is in {v}.",
            "{S} {have} settled in {v} for good.",
        ),
        update=(
            "{S} moved to {v} last weekend.",
            "The boxes are unpacked: {S} {am} living in {v} now.",
            "{P} new address is in {v}.",
        ),
        loan=(),
        plan=("{S} {am} thinking of moving to {v}.", "There is a chance that {S} will move to {v} next year."),
        dream=(
            "If {S} lived in {v}, there would be a balcony with tomatoes on it.",
            "Imagine {S} had a flat in {v}, what a life that would be.",
        ),
        ask=("Where does {S} live?", "In which town does {S} live?", "What is {P} home town?"),
        follow=(
            ("What is the neighbourhood like?", "Quiet, with a decent bakery on the corner."),
            ("Is there a spare room for guests?", "Only a sofa, but a good one."),
        ),
    ),
    Topic(
        noun="occupation",
        pool=pools.JOBS,
        cues=("occupation", "job", "work", "working", "earn", "living", "profession", "career"),
        state=(
            "{S} work{s} as {av}.",
            "{S} earn{s} a living as {av}.",
            "{P} job is that of {av}.",
            "By profession {S} {am} {av}.",
            "{S} {have} been working as {av} for years.",
        ),
        update=(
            "{S} changed careers and work{s} as {av} these days.",
            "{P} new job is that of {av}.",
            "After the course {S} started working as {av}.",
        ),
        loan=(
            "{S} {am} covering for a colleague and work{s} as {av} until {d}.",
            "Just until {d} {S} work{s} as {av}, as a favour to the boss.",
        ),
        plan=("{S} would like to retrain and work as {av} some day.", "{S} applied for a job as {av}."),
        dream=(
            "In another life {S} would work as {av}.",
            "Had {S} listened to the careers adviser, {S} would be earning a living as {av}.",
        ),
        ask=("What is {P} occupation?", "What does {S} do for a living?", "What does {S} work as?"),
        follow=(
            ("Are the hours long?", "Some weeks they are, some weeks not."),
            ("Is the pay all right?", "It could be better, it could be worse."),
        ),
    ),
    Topic(
        noun="employer",
        pool=pools.EMPLOYERS,
        cues=("employer", "employed", "payroll", "salary", "badge", "hired", "joined", "seconded"),
        state=(
            "{S} {am} employed at {v}.",
            "{S} {am} on the payroll of {v}.",
            "{P} salary comes from {v}.",
            "{P} employer is {v}.",
            "The badge on {P} jacket says {v}, that is the employer.",
        ),
        update=(
            "{S} joined {v} at the start of the month.",
            "{S} got hired by {v} and left the old firm.",
            "{P} new employer is {v}.",
        ),
        loan=(
            "{S} took leave from the firm and {am} employed at {v} until {d}.",
            "Until {d} {P} employer is {v}, then it is back to the old desk.",
        ),
        plan=("{S} had a good talk about being hired by {v}.", "{v} may well become {P} next employer."),
        dream=(
            "If {S} were employed at {v}, the commute would be ten minutes.",
            "Suppose {v} were {P} employer, would that not be something?",
        ),
        ask=("Who is {P} employer?", "Which firm is {S} employed at?", "By whom is {S} employed?"),
        follow=(
            ("What are the colleagues like?", "Friendly, and loud at lunch."),
            ("Is there a canteen?", "There is, and the soup is famous."),
        ),
    ),
    Topic(
        noun="car",
        pool=pools.CARS,
        article=True,
        cues=("car", "drive", "drives", "driving", "driveway", "garage", "parked", "wheel", "rental"),
        state=(
            "{S} drive{s} {v}.",
            "In {P} driveway you will find {v}.",
            "{P} car is {v}.",
            "Behind the wheel of {v} is where {S} spend{s} the rush hour.",
            "The car on {P} insurance papers is {v}.",
        ),
        update=(
            "{S} sold the old car and drive{s} {v} now.",
            "{P} new car is {v}.",
            "{S} traded the old car in for {v}.",
        ),
        loan=(
            "Until {d} {S} drive{s} {v}, a rental.",
            "{P} car is at the workshop, so {S} drive{s} {v} until {d}.",
        ),
        plan=("{S} went for a test drive in {v}.", "{P} next car might be {v}."),
        dream=(
            "If {S} won the lottery, {S} would drive {v}.",
            "Picture {v} as {P} car, everybody would stare.",
        ),
        ask=("Which car does {S} drive?", "What kind of car does {S} drive?", "What is {P} car?"),
        follow=(
            ("How does it handle in the rain?", "Like a boat, but a safe one."),
            ("Has it been to the workshop yet?", "Twice, and both times for the brakes."),
        ),
    ),
    Topic(
        noun="instrument",
        pool=tuple(name for name in pools.INSTRUMENTS if not name.endswith(("s", "timpani")) and name[0] not in "eu"),
        article=True,
        cues=("instrument", "play", "practise", "practising", "lesson", "band", "music"),
        state=(
            "{S} play{s} {v} in a band.",
            "{S} practise{s} on {v} every evening.",
            "{P} instrument is {v}.",
            "For music lessons {S} bring{s} {v} along.",
            "When there is music to be made, {S} play{s} it on {v}.",
        ),
        update=(
            "{S} gave the old instrument away and play{s} {v} now.",
            "{P} new instrument is {v}.",
            "{S} switched instruments and practise{s} on {v} these days.",
        ),
        loan=(
            "With the usual one in for repair, {S} practise{s} on {v} until {d}.",
            "Until {d} {S} play{s} {v} that belongs to the music school.",
        ),
        plan=("{S} would love to learn to play {v}.", "{S} {am} saving up for lessons on {v}."),
        dream=(
            "If {S} played {v}, the neighbours would have moved out long ago.",
            "Imagine {S} on stage playing {v}, with a thousand people listening.",
        ),
        ask=("Which instrument does {S} play?", "What is {P} instrument?", "What does {S} make music on?"),
        follow=(
            ("Is there a concert coming up?", "In December, if nobody catches a cold."),
            ("Do the neighbours mind?", "They have been very patient so far."),
        ),
    ),
    Topic(
        noun="hobby",
        pool=pools.HOBBIES,
        cues=("hobby", "pastime", "weekend", "spare", "evening", "enthusiast", "free"),
        state=(
            "{P} hobby is {v}.",
            "In {my} spare time {S} go{es} in for {v}.",
            "{P} weekends belong to {v}.",
            "{S} spend{s} every free evening on {v}.",
            "For a pastime {S} {have} {v}.",
        ),
        update=(
            "{S} dropped the old hobby and took up {v}.",
            "{P} new hobby is {v}.",
            "{P} weekends belong to {v} now, no longer to the old hobby.",
        ),
        loan=(
            "The club is closed, so {P} hobby is {v} until {d}.",
            "Until {d} {P} weekends belong to {v}, on a trial ticket.",
        ),
        plan=("{S} may take up {v} as a hobby.", "{S} {am} curious about {v}, it could become a hobby."),
        dream=(
            "If {S} had more spare time, it would go to {v}.",
            "Just imagine {P} weekends with {v} in them.",
        ),
        ask=("What is {P} hobby?", "What does {S} do in {my} spare time?", "Which pastime does {S} have?"),
        follow=(
            ("Does it take much equipment?", "Less than the cupboard would make you believe."),
            ("How did that begin?", "With a voucher from an aunt."),
        ),
    ),
    Topic(
        noun="favourite dish",
        pool=pools.DISHES,
        cues=("dish", "favourite", "eat", "eats", "order", "orders", "food", "menu", "craving", "meal"),
        state=(
            "{P} favourite dish is {v}.",
            "{S} could eat {v} every day.",
            "{S} order{s} {v} wherever it is on the menu.",
            "The best meal there is, for {O}, is {v}.",
            "{P} comfort food is {v}.",
        ),
        update=(
            "{P} taste has changed, the favourite dish is {v} now.",
            "{P} new favourite dish is {v}.",
            "{S} went off the old favourite and order{s} {v} instead.",
        ),
        loan=(),
        plan=("{S} will soon try to eat {v}, it sounds good.", "{P} next favourite dish could be {v}."),
        dream=(
            "If {S} were to eat {v} every day, there would be no end to the washing-up.",
            "Suppose {P} favourite dish were {v}, the bill would be enormous.",
        ),
        ask=("What is {P} favourite dish?", "Which dish does {S} like best?", "What does {S} like to eat best?"),
        follow=(
            ("Is there a recipe?", "Several, and no two agree."),
            ("Does it go with salad?", "It goes with everything."),
        ),
    ),
    Topic(
        noun="language course",
        pool=pools.LANGUAGES,
        cues=("language", "course", "learn", "learns", "learning", "vocabulary", "grammar", "class", "lesson"),
        state=(
            "{S} {am} learning {v}.",
            "{P} language course is in {v}.",
            "On Thursdays {S} {have} a class in {v}.",
            "{P} fridge is covered with vocabulary in {v}.",
            "{S} {am} stuck in the grammar of {v}.",
        ),
        update=(
            "{S} dropped the old course and {am} learning {v} instead.",
            "{P} new language course is in {v}.",
            "{S} switched to the class in {v}.",
        ),
        loan=(
            "As a stopgap {S} sit{s} in the class in {v} until {d}.",
            "Until {d} {P} language course is in {v}, then the usual teacher is back.",
        ),
        plan=("{S} might start learning {v} in the autumn.", "{S} {have} an eye on the evening course in {v}."),
        dream=(
            "If {S} had kept learning {v}, the trip would have been easier.",
            "Imagine {S} in a class in {v}, with that accent.",
        ),
        ask=("Which language is {S} learning?", "What is {P} language course in?", "Which language is {P} course in?"),
        follow=(
            ("Is the teacher strict?", "Only about homework."),
            ("Is there an exam at the end?", "There is, but nobody talks about it."),
        ),
    ),
    Topic(
        noun="bedtime book",
        pool=pools.BOOKS,
        cues=("book", "read", "reads", "reading", "bedside", "chapter", "page", "bookmark", "novel"),
        state=(
            "{S} {am} reading {v}.",
            "{P} bedtime book is {v}.",
            "The novel on {P} bedside table is {v}.",
            "{S} read{s} a chapter of {v} every night.",
            "{P} bookmark is in {v}.",
        ),
        update=(
            "{S} put the last one back on the shelf and {am} reading {v} now.",
            "{P} new bedtime book is {v}.",
            "{S} moved on to reading {v}.",
        ),
        loan=(
            "{S} {have} a copy from the library and {am} reading {v} until {d}.",
            "Until {d} {P} bedtime book is {v}, for the reading circle.",
        ),
        plan=("{S} mean{s} to read {v} when there is time.", "{v} might be {P} next bedtime book."),
        dream=(
            "If {S} were reading {v}, {S} would be asleep by nine.",
            "Had {S} read {v} at school, the exam would have gone well.",
        ),
        ask=("Which book is {S} reading?", "What is {P} bedtime book?", "What is {S} reading?"),
        follow=(
            ("Is it any good?", "The first half is, we shall see about the rest."),
            ("Does it have a happy ending?", "Do not tell me, please."),
        ),
    ),
    Topic(
        noun="holiday destination",
        pool=pools.REGIONS,
        cues=("holiday", "destination", "summer", "booked", "travel", "travels", "cottage", "tickets", "beach"),
        state=(
            "{P} holiday destination is {v}.",
            "{S} booked a summer cottage in {v}.",
            "The holiday tickets in {P} drawer are for {v}.",
            "This summer {S} {am} off to {v}.",
            "{S} can hardly wait for the beach in {v}.",
        ),
        update=(
            "{S} rebooked, the holiday destination is {v} now.",
            "{P} new holiday destination is {v}.",
            "{S} changed the tickets to ones for {v}.",
        ),
        loan=(),
        plan=("{S} might go on holiday in {v} at some point.", "{S} asked for prices of a cottage in {v}."),
        dream=(
            "If money were no object, {P} summer would be in {v}.",
            "Imagine {S} on a beach in {v}, phone off.",
        ),
        ask=("What is {P} holiday destination?", "Where is {S} going in the summer?", "Where will {S} be on holiday?"),
        follow=(
            ("By train or by plane?", "By train, the luggage is too heavy."),
            ("Is it hot there?", "Only at noon."),
        ),
    ),
    Topic(
        noun="landlord",
        pool=(),
        cues=("landlord", "rent", "tenant", "lets", "house", "owns"),
        state=(
            "{P} landlord is {v}.",
            "{S} pay{s} the rent to {v}.",
            "{S} {am} a tenant of {v}.",
            "The house where {S} rent{s} is owned by {v}, the landlord.",
            "When the tap drips, {S} call{s} the landlord, {v}.",
        ),
        update=(
            "The house was sold, and {P} landlord is {v} now.",
            "{P} new landlord is {v}.",
            "From this month on {S} pay{s} the rent to {v}.",
        ),
        loan=(
            "Until {d} {P} landlord is {v}, who has leased the whole house.",
            "{v} acts as {P} landlord until {d}, while the family sorts out who inherits.",
        ),
        plan=("{S} may soon pay rent to {v}.", "{v} offered to be {P} landlord."),
        dream=(
            "If {v} were {P} landlord, the roof would be mended.",
            "Suppose {S} paid the rent to {v}, it would be half as much.",
        ),
        ask=("Who is {P} landlord?", "To whom does {S} pay the rent?", "What is the name of {P} landlord?"),
        follow=(
            ("Is that somebody easy to deal with?", "By letter, yes. On the phone, less so."),
            ("Has the heating been seen to?", "It is on the list, I am told."),
        ),
    ),
    Topic(
        noun="doctor",
        pool=(),
        cues=("doctor", "patient", "surgery", "medical", "practice", "prescription", "checkup"),
        state=(
            "{P} doctor is {v}.",
            "{S} {am} a patient of {v}.",
            "For a checkup {S} go{es} to {v}.",
            "The prescription in {P} bag was signed by {v}.",
            "The medical practice that {S} go{es} to is run by {v}.",
        ),
        update=(
            "{S} changed practices, and {P} doctor is {v} now.",
            "{P} new doctor is {v}.",
            "{S} became a patient of {v}.",
        ),
        loan=(
            "The practice is closed, and {S} {am} a patient of {v} until {d}.",
            "Until {d} {P} doctor is {v}, a locum.",
        ),
        plan=("{S} {am} on the waiting list to become a patient of {v}.", "{v} may become {P} doctor."),
        dream=(
            "If {v} were {P} doctor, nobody would have to wait.",
            "Had {S} been a patient of {v}, the knee would be fine.",
        ),
        ask=("Who is {P} doctor?", "Whose patient is {S}?", "What is the name of {P} doctor?"),
        follow=(
            ("Is the waiting room full?", "Always, and the magazines are from last year."),
            ("Is it far to go?", "Two stops on the tram."),
        ),
    ),
)  # fmt: skip
