//! First names.

pub(super) const FEMALE: &str = "Adela|Agata|Agnieszka|Aisha|Aleksandra|Alice|Amélie|Amina|Ana|Andrea|Anke|Anna|Annika|Ariadna|Astrid|Aurora|\
    Barbara|Beatriz|Berit|Bianca|Birgit|Blanka|Bożena|Camila|Carla|Carmen|Catarina|Cécile|Charlotte|Chiara|Claire|Clara|Dagmar|Daniela|Diana|\
    Dorota|Edith|Elena|Eliška|Elsa|Emilia|Emma|Esther|Eva|Ewa|Fatima|Federica|Fiona|Florence|Francesca|Frida|Gabriela|Geneviève|Gisela|Giulia|\
    Grace|Greta|Hana|Hanna|Heidi|Helena|Hélène|Ilona|Ines|Inga|Ingrid|Irena|Isabel|Iva|Jana|Jasmin|Joanna|Johanna|Judit|Julia|Justyna|Karin|\
    Karolina|Katarzyna|Kateřina|Kinga|Klara|Laura|Lea|Leila|Lena|Linda|Lucía|Lucie|Magdalena|Maja|Małgorzata|Margit|Maria|Marie|Marta|Mia|Mila|\
    Monika|Nadia|Natalia|Nina|Nora|Olga|Olivia|Paula|Petra|Pilar|Renata|Rita|Rosa|Ruth|Sabine|Sara|Silvia|Simona|Sofia|Solveig|Sonja|Stella|\
    Susanne|Tamara|Teresa|Tereza|Ursula|Valeria|Vera|Veronika|Viktoria|Wanda|Yasmin|Zofia|Zoë|Zuzanna";

pub(super) const MALE: &str = "Adam|Adrian|Ahmed|Åke|Alan|Albert|Aleksander|Alessandro|Álvaro|Anders|André|Andrzej|Antoni|Arne|Artur|Arthur|\
    Bartosz|Benjamin|Bernd|Björn|Bogdan|Bruno|Carlos|Charles|Christoph|Daniel|David|Diego|Dieter|Dominik|Edgar|Edward|Emil|Enrico|Erik|Ernst|\
    Fabian|Felipe|Felix|Filip|Finn|François|Frank|Franz|Gabriel|Georg|Giorgio|Grzegorz|Guillaume|Gustav|Hans|Hassan|Heinz|Henrik|Henry|Hugo|\
    Ibrahim|Ignacy|Igor|István|Ivan|Jacek|Jakob|Jakub|Jan|Jarosław|Javier|Jens|João|Joachim|Johan|John|Jonas|Jorge|José|Jörg|Julian|Jürgen|\
    Kacper|Karl|Kazimierz|Kevin|Klaus|Konrad|Krzysztof|Lars|László|Leon|Liam|Lorenzo|Louis|Luca|Luis|Lukas|Łukasz|Maciej|Magnus|Manuel|Marco|\
    Marek|Mario|Martin|Mateusz|Matthias|Michael|Miguel|Mikael|Milan|Miroslav|Mohammed|Nicolas|Niels|Nikola|Oliver|Omar|Ondřej|Oscar|Otto|Pablo|\
    Paul|Paweł|Pedro|Peter|Philipp|Piotr|Rafael|Ralf|René|Robert|Roland|Roman|Ryszard|Samuel|Sebastian|Sergio|Simon|Stanisław|Stefan|Sven|\
    Thomas|Tobias|Tomás|Ulrich|Václav|Viktor|Vincent|Walter|Werner|Wiktor|Wojciech|Yusuf|Zbigniew|Zoltán";
