/**
 * The words that carry the grammar of a language: they say nothing about what a text is about, and
 * all the more about which language it is in. Written for this project, the most frequent ones only.
 */
export const FUNCTION_WORDS = {
  de:
    `am an in so was will aber alle allem allen aller alles als auch auf aus bei beim bin bis bist da damit dann das
    dass daß dein deine dem den denn der des dessen dich die dir doch dort du durch ein eine einem
    einen einer eines er es etwas euch euer für gegen gibt hab habe haben hat hatte hatten hier ich
    ihm ihn ihr ihre ihrem ihren ihrer im ins ist ja jede jedem jeden jeder jedes jetzt kann kein
    keine keinen können mein meine meinem meinen meiner mich mir mit muss nach nicht nichts noch nun
    nur ob oder ohne schon sehr sein seine seinem seinen seiner seit sich sie sind soll sondern über
    um und uns unser unsere unter vom von vor wann war waren warum wegen weil welche welcher welches
    wenn wer werde werden wie wieder wir wird wo wurde wurden bevor nachdem obwohl immer mehr viel zu zum zur zwischen`,
  fr:
    `a as on au aux avec avoir ce ceci cela ces cet cette chez comme comment dans de des du elle elles en est
    et étaient était été être eu eux fait il ils je la là le les leur leurs lui ma mais même mes moi
    mon ne nos notre nous où ou par parce pas pendant peut plus pour pourquoi qu quand que quel quelle
    quelles quels qui quoi sa sans se sera ses si son sont sous sur suis ta te tes toi ton tous tout
    toute très tu un une vos votre vous y ont avait avons avez aussi donc car puis depuis avant après toujours jamais maintenant alors encore`,
  es:
    `a he me no has al algo algunos ante antes aquí así aunque cada como cómo con contra cual cuál cuando cuándo
    cuánto de del desde donde dónde durante él el ella ellas ellos en entre era eran eres es esa esas
    ese eso esos está estaba están estar este esta estas esto estos estoy fue fueron ha había han
    hasta hay la las le les lo los más mi mis mientras mucho muy nada ni nos nosotros nuestra nuestro
    otra otro para pero poco por porque puede que qué quien quién se sea según ser si sí sido sin
    sobre son soy su sus también tan tanto te tiene tienen todo todos tu tus un una unas uno unos ya yo ahora siempre nunca después hacia`,
  it:
    `a i in agli ai al alla alle allo anche ancora che chi ci come con cosa cui da dai dal dalla dalle dei del
    della delle dello di dopo dove e è ed era erano essere fra gli ha hai hanno ho il io la le lei li
    lo loro lui ma mentre mi mia mie miei mio molto ne negli nei nel nella nelle nello noi non nostra
    nostro o ogni per perché perciò più poi prima qual quale quali quando quanto quella quelle quelli
    quello questa queste questi questo qui se sei senza si sia siamo sono sta stata stati stato su sua
    sue sugli sui sul sulla suo suoi tra tu tua tuo tutti tutto un una uno vi voi adesso sempre invece quindi`,
  pt:
    `a as à agora ainda ao aos aquela aquele até cada com como da das de dela dele depois desde do dos e é
    ela elas ele eles em entre era eram essa esse esta está estão estava este eu foi foram há isso
    isto já lhe mais mas me mesmo meu minha muito na não nas nem no nos nossa nosso num numa o onde os
    ou para pela pelas pelo pelos pode por porque quais qual quando que quem são se seja sem sempre
    ser será seu seus sido sobre sou sua suas também te tem têm tenho teu tinha tudo um uma umas uns
    você vocês vou antes nunca hoje`,
  nl:
    `had in is me of over was we aan al alle alles als altijd andere ben bij daar dan dat de der deze die dit doch doen door dus een
    eens en er ge geen geweest haar heb hebben heeft hem het hier hij hoe hun iemand iets ik ja je jij
    jullie kan om onder bij kon kunnen maar meer men met mij mijn moet na naar niet niets nog nu omdat ons onze ook
    op te tegen toch toen tot u uit uw van veel voor waar waarom wanneer want waren wat werd wie wij
    wil wordt worden zal ze zei zich zij zijn zo zonder zou`,
  sv:
    `aldrig alla allt att av bara blev bli blir de dem den denna deras dess det detta dig din dina ditt
    du där då efter eller en er ett från för genom ha hade han hans har hennes henne hon honom hur
    här i icke inom inte ja jag kan kommer kunde man med mellan men mig min mina mitt mot mycket många
    ni nu när någon något några och också om oss på sedan sig sin sina ska skulle som så till under
    upp ut utan vad var vara varför vem vi vid vilka vilken vill vår våra är än åt över`,
  da:
    `af alle alt at blev blive bliver da de dem den denne der deres det dette dig din disse dog du efter
    eller en end er et fra få før gør ham han hans har havde hende hendes her hos hun hvad hvem hver
    hvis hvor hvorfor hvornår i ikke ind ingen jeg jer jo kan kommer kun kunne lige man mange med meget
    mellem men mig min mine mit mod må ned nok noget nogle nu når og også om op os på sig sin sine skal
    skulle som sådan så til ud uden var vi vil ville vor være været`,
  no:
    `alle at av bare ble blei bli blir da de deg dem den denne der deres det dette di din disse du eg
    eit eller en enn er et etter fra før gjør ham han hans har hadde henne hennes her hos hun hva hvem
    hver hvis hvor hvorfor hvordan i ikke ingen inn jeg kan kommer kun kunne mange med meg meget mellom
    men min mine mitt mot mye må ned noe noen nok nå når og også om opp oss over på seg si sin sine
    skal skulle som så til ut uten var vi vil ville vår være vært`,
  fi:
    `ei eikä eivät emme en et että hän hänen häntä he heidän ihan itse ja joka jonka jos josta jotka joten
    kanssa kuin kuka kun kuinka koska me meidän meillä mihin mikä miksi minä minun minulla missä mitä
    mukaan mutta myös ne niiden niin noin nyt näin nämä ole olen olet oli olin olisi olivat ollut on
    ovat se sekä sen siellä siinä siitä sille sinä sinun sitä tai te teidän tämä tämän tässä tätä tuo
    olemme olette emme ette sekä vaan vain vai vielä voi`,
  ro:
    `acea aceasta această acest acesta aceste acești acolo acum ai aici al ale am ar are asta au avea
    avem aveți ca care ce cel cele cei când cât către cine cu cum că da dacă dar de deci decât despre
    din după ea ei el ele eram este eu fi fiecare foarte fost fără iar în între la le lor lui mai mea
    meu mi mie mult multe ne nici noastră nostru noi nu o ori pe pentru peste prin sa sau se sunt
    suntem și să său ta tău te toate tot toți tu un una unde unei unui va vă voi vor`,
  hu:
    `a az abban ahogy aki akkor alatt ami amely amikor arra azt azért be csak de e ebben egy egyik el ez
    ezek ezt és fel ha hanem hogy hogyan holnap hol itt ki kell képest később le lehet lenne lesz ma
    már meg mert mi miért mikor mind minden mint mit most ne neki nekem nem nincs olyan ott össze pedig
    sem senki soha számára szerint tehát te ti tud után vagy vagyok valaki valami van vannak vele volt
    voltak`,
  tr:
    `acaba ama ancak az bana bazı belki ben benim beri bile bir biraz biz bizim bu buna bunda bunu burada
    çok çünkü da daha de değil diye dolayı en gibi göre hem hep hepsi her hiç için ile ise kadar
    karşı kendi ki kim mı mi mu mü nasıl ne neden nerede niye o olan olarak oldu olduğu olur ona onlar
    onu onun orada pek sen senin siz şey şu şimdi tüm üzere var ve veya ya yani yok zaten`,
  pl:
    `aby ale bardzo bez będzie był była było były być ci co czy dla do gdy gdzie go i ich im ja jak jako
    je jego jej jest jestem jeszcze jeśli już kiedy kto która które którego który którzy ma mam mi
    mnie moja moje może mój na nad nam nas nasz nie nic niż o od on ona one oni oraz po pod ponieważ
    przed przez przy są się ta tak także tam te tego tej ten też to tu tutaj tych tylko tym w wszystko
    z za ze że żeby`,
  cs:
    `aby ale ani asi až bez bude budou by byl byla bylo být co což dnes do ho i já jak jako je jeho její
    jejich jen ještě ji jí jím jsem jsi jsme jsou jste k kam každý kde kdo kdy když která které který ma
    mě mezi mi mít můj na nad nám nás ne nebo než nic o od on ona oni po pod podle pokud proč pro proto
    před přes při s se si svůj ta tady tak také tam ten tento teď to tu ty u už v ve více však všechno
    z za ze že`,
  vi:
    `ai anh bạn bằng bị bởi cả các cái có còn cho chỉ chúng chưa của cùng cũng đã đang đây để đến đi điều
    đó do được em gì hay hơn khi không là lại lên mà mình mỗi một này nên nếu ngày người nhất như những
    nhưng nó nơi ở phải qua ra rất rồi sau sẽ tại tất theo thì tôi trên trong từ và vẫn vào vậy về vì
    việc với vừa`,
  id:
    `ada adalah agar akan aku anda antara apa apakah atau bagaimana bagi bahwa banyak belum bisa bukan
    cara dalam dan dapat dari dengan dia harus hanya ia ini itu jadi jangan jika juga kami kamu karena
    kalau kapan ke kepada ketika kita lagi lain lebih maka masih mereka mana mengapa namun oleh pada
    para pernah punya saat saja sama sampai sangat saya sebagai sebuah sedang sejak semua seperti siapa
    sudah supaya tapi telah tersebut tetapi tidak untuk yaitu yang`,
  uk:
    `або але без був була були було бути в вже ви від він вона вони воно все всі для до є з за зі і із її
    їх й його коли котра ми мені мій на над нас не ні ніж ну о об один по при про та так також там те
    ти тільки то тому у це цей ці цього чи чому ще що щоб як яка який які я`,
  fa:
    `آن از است اگر اما او اين این با باید بر برای بود به تا چه خود دارد در را شد شده شود شما كه که کرد
    کرده من ما می نه نیست ها هر هم و وی یا یک`,
  ru:
    `а без более бы был была были было быть в вам вас весь вдруг во вот все всегда всего всех вы где
    говорил да даже для до его ее если есть еще ж же за здесь и из или им их к как какая какой ко когда
    кто ли лучше между меня мне много может можно мой моя мы на над надо наш не него нее нет ни них но
    ну о об один он она они от по под после потом потому почему при про с со сам свой себе себя так
    также такой там тебя тем теперь то тогда того тоже только том тот ты у уже хоть чего чем что чтобы
    эта эти это этого этой этом этот я`,
  el:
    `αλλά αν από αυτά αυτή αυτό αυτός για γιατί δε δεν εγώ εδώ είμαι είναι είχε εκεί ένα ένας εσύ έχει
    έχω η ήταν θα και κατά κάτι με μέσα μετά μη μην μια μου μπορεί να ο οι όμως όπως όταν ότι πιο ποια
    ποιος πολύ που πού πριν προς πώς σαν σας σε στα στη στην στις στο στον στους τα τη την της τι τις
    το τον τότε του τους των ως`,
  ar:
    `أن أنا أنت إذا إلى إن أو أي ان الا التي الذي الى انا او اي بعد بعض بين تلك ثم جدا حتى حيث ذلك عن
    عند على علي فقط في قبل قد كان كانت كل كما كيف لا لأن لقد لكن لم لن له لها لو ليس ما متى مع من منذ
    نحن هذا هذه هل هم هنا هناك هو هي و يا`,
  he:
    `אבל או אותו אותה אחרי אך אל אלה אם אני אנחנו אתה את אתם בין גם הוא היא היה היו הם זה זאת זו יש כבר כי
    כל כמו כן לא לו לה לי לפני מאוד מה מי מתי עד עוד על עם פה רק של שלי שלך שלו שם`,
  hi: `अगर अपना अपनी अपने आप इस इसका इसकी इसके उस उसका उसकी उसके एक और कब कर करता करते करना करने कहाँ का
    किया की के को कोई कौन क्या क्यों जब जो तक तो था थी थे दिया दो ने नहीं पर बहुत बाद भी मगर मुझे मेरा
    मेरी मेरे मैं में यह यहाँ या ये रहा रही रहे लिए लेकिन वह वहाँ वे साथ से हम ही हुआ हुई हूँ है हैं हो`,
} as const;

/**
 * Of these, words that an English text has by the way: parts of names ("Rio de la Plata"), English
 * words ("die", "pour"), abbreviations. They count for a language only beside others of it.
 */
export const AMBIGUOUS_WORDS: string = `
  al ale all alla alle allo alles alt am ama ami apa ar are au az be bella ben bin car care cara case
  che ci co com come con cum da dal dan das data de deli dem den der des di dia die din dig dir do doch
  don door dos du due e el ele eli em en end er era es est et eu fait fare fast fi fin fit foi for fra
  gar ge go gut ha hab had ham han hans has hat he hem hen her hers hier him ho hoc hoe hon hos hun i
  ia id il im in ins ist it ja je ji jo juan kan kam kap ki kim ko la lag las le les li lo los ma main
  mal mam man mar mas mat me meg mein men met mi mia mid mie mine mir mis mit mod mon mont mot mu na
  nam nas ne ned nei nil nino no non nor nos not nu nun o od of oh ola old on one ons op or ora ori os
  ost ot ou out over pas per pan para pas pe perks pod pole poll por post pot pour prima pro qua quest
  qui ran ras rat san sao sat se sed sein sen ser ses si sia sie sig sim sin sind sir sit ska so sob
  sol son sous sta star su sub sui sum sur ta tag tal tam tan tat te tem ten tes the ti til till tim to
  toe ton tot tout tra tu tut ty u ud um uma un una under uni uno up ur us ut va vai van var vi via vil
  vis vol volt von vor vos want war wat wie wil will wo y ya you zu zum tim mai mut nie pot sous plus
  iar cel fie ori vom cei sat mind most lets been when minden olen tuo ole oli sen nos este andere sera serra leur lui sans dim
  bara cho anh em bis es cada bay ban pin kung lang mina sina ditt aki ami oder neu noch`;
