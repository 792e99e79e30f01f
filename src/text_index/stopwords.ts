/**
 * Words that say how a sentence is built and not what it is about. They are indexed all the same,
 * under a key of their own, so that a query made of nothing else ("who are you") still finds
 * something; in any other query they are passed over.
 *
 * The list is Snowball's for English (https://snowballstem.org/algorithms/english/stop.txt) with
 * the contractions it names, and a few question words' auxiliaries.
 */
const ENGLISH = `
a about above after again against all also am an and any are aren't as at be because been before
being below between both but by can can't cannot could couldn't did didn't do does doesn't doing
don't down during each few for from further had hadn't has hasn't have haven't having he he'd he'll
he's her here here's hers herself him himself his how how's i i'd i'll i'm i've if in into is isn't
it it's its itself let's me might more most must mustn't my myself no nor not of off on once only or
other ought our ours ourselves out over own same shall shan't she she'd she'll she's should
shouldn't so some such than that that's the their theirs them themselves then there there's these
they they'd they'll they're they've this those through to too under until up upon us very was wasn't
we we'd we'll we're we've were weren't what what's when when's where where's which while who who's
whom why why's will with won't would wouldn't you you'd you'll you're you've your yours yourself
yourselves`;

/** In small letters, their apostrophe still in them. */
export const ENGLISH_STOPWORDS: ReadonlySet<string> = new Set(ENGLISH.trim().split(/\s+/));
